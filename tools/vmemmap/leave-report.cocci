// SPDX-License-Identifier: GPL-2.0
// x86/mm: leave the report about the memory map of an add to mm/
//
// x86 has a vmemmap_populate_print_last() of its own, which prints the leaves
// that it has mapped, at debug level. Which of a node's struct pages lie on
// another node it does not say, and no other architecture says anything.
//
// Remove it. The weak one of mm/ does nothing; the back end that the next
// patch adds has one for all architectures, which reports in a line how much
// of a memory map lies on more distant nodes.
//
// It costs nothing. The kernel builds with and without the patches that
// follow.
//
// edits: arch/x86/mm/init_64.c
// gone: vmemmap_populate_print_last

@ report @
identifier f = vmemmap_populate_print_last;
type T;
@@
- T f(...) { ... }
