// SPDX-License-Identifier: GPL-2.0
// Remove from arch/loongarch/mm/init.c what arch/loongarch/mm/vmemmap.c defines: the
// function that frees the memory map, which does nothing. Those that populate it stay.
//
// edits: arch/loongarch/mm/init.c
// gone: vmemmap_free

@ function @
type T;
@@
- T vmemmap_free(...) { ... }
