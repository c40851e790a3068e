// SPDX-License-Identifier: GPL-2.0
// Remove from arch/x86/mm/init_64.c what arch/x86/mm/vmemmap_64.c defines: the
// functions that populate and free the memory map, their helpers and their state. The
// walkers that remove the direct map stay, without the branches that only the memory
// map needed. The rules delete and never add.
//
// edits: arch/x86/mm/init_64.c
// gone: vmemmap_flush_unused_pmd vmemmap_pmd_is_unused __vmemmap_use_sub_pmd
// gone: vmemmap_use_sub_pmd vmemmap_use_new_sub_pmd vmemmap_free
// gone: vmemmap_set_pmd vmemmap_check_pmd vmemmap_populate
// gone: free_hugepage_table free_vmemmap_pages
// gone: unused_pmd_start addr_start addr_end p_start p_end node_start
// gone: PAGE_UNUSED

// The functions. free_hugepage_table is in 6.12 only, free_vmemmap_pages in
// 7.3 only.
@ functions @
identifier f = { vmemmap_flush_unused_pmd, vmemmap_pmd_is_unused,
		 __vmemmap_use_sub_pmd, vmemmap_use_sub_pmd,
		 vmemmap_use_new_sub_pmd, vmemmap_free, vmemmap_set_pmd,
		 vmemmap_check_pmd, vmemmap_populate, free_hugepage_table,
		 free_vmemmap_pages };
type T;
@@
- T f(...) { ... }

// The start of the unused part of a leaf; this back end asks the subsection bitmaps.
@ state @
type T;
@@
- static T unused_pmd_start;

// What the boot messages about leaves needed.
@ trace @
attribute name __meminitdata;
identifier v = { addr_start, addr_end, p_start, p_end, node_start };
type T;
@@
- static T __meminitdata v;

@ marker @
expression E;
@@
- #define PAGE_UNUSED E

// In the walkers: parts of a leaf were for the memory map only ...
@ parts @
expression C;
statement S1, S2;
@@
  if (C) S1
- else if (vmemmap_pmd_is_unused(...)) S2

// ... and so was the memory behind what is not the direct map.
@ backing @
identifier w = { remove_pte_table, remove_pmd_table };
statement S;
@@
  w(...) { <+...
- if (!direct) S
  ...+> }
