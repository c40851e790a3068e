// SPDX-License-Identifier: GPL-2.0
// Remove from arch/arm64/mm/mmu.c what arch/arm64/mm/vmemmap.c defines: the functions
// that populate and free the memory map. The walkers that remove the linear map stay,
// without the branches that freed what was mapped. The rules delete and never add.
//
// edits: arch/arm64/mm/mmu.c
// gone: vmemmap_set_pmd vmemmap_check_pmd vmemmap_populate vmemmap_free

// vmemmap_set_pmd and vmemmap_check_pmd are in 6.12 only.
@ functions @
identifier f = { vmemmap_set_pmd, vmemmap_check_pmd, vmemmap_populate,
		 vmemmap_free };
type T;
@@
- T f(...) { ... }

@ backing @
identifier w = { unmap_hotplug_pte_range, unmap_hotplug_pmd_range,
		 unmap_hotplug_pud_range };
statement S;
@@
  w(...) { <+...
- if (free_mapped) S
  ...+> }
