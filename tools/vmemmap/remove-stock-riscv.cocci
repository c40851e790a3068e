// SPDX-License-Identifier: GPL-2.0
// Remove from arch/riscv/mm/init.c what arch/riscv/mm/vmemmap.c defines: the functions
// that populate and free the memory map. The walkers that remove the linear map stay,
// without the branches that freed what was mapped.
//
// edits: arch/riscv/mm/init.c
// gone: vmemmap_set_pmd vmemmap_check_pmd vmemmap_populate vmemmap_free
// gone: free_vmemmap_storage

// vmemmap_set_pmd and vmemmap_check_pmd are in 6.12 only.
@ functions @
identifier f = { vmemmap_set_pmd, vmemmap_check_pmd, vmemmap_populate,
		 vmemmap_free, free_vmemmap_storage };
type T;
@@
- T f(...) { ... }

@ backing @
identifier w = { remove_pte_mapping, remove_pmd_mapping, remove_pud_mapping,
		 remove_p4d_mapping };
statement S;
@@
  w(...) { <+...
- if (is_vmemmap) S
  ...+> }

// One of these branches was the only user of a variable that another read of
// the same entry can take over.
@ entry @
identifier p;
@@
  remove_pte_mapping(...) { <+...
- pte_present(*p)
+ pte_present(pte)
  ...+> }
