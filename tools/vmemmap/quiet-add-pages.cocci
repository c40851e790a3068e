// SPDX-License-Identifier: GPL-2.0
// x86/mm: do not warn about an add that fails for want of memory
//
// add_pages() has a WARN_ON_ONCE() for each error of __add_pages(). That
// memory runs out is no defect of the kernel, but the warning reads like one,
// taints the kernel, and stops a machine that has panic_on_warn set, in the
// moment in which somebody adds memory to help it.
//
// Remove the warning. The error is returned as before, and the line that
// names the page frames, the node and the error says all that is known.
//
// It costs nothing. A boot under QEMU refuses a DIMM and fails if the kernel
// prints a warning.
//
// edits: arch/x86/mm/init_64.c

@ quiet @
identifier ret, nid, start_pfn, nr_pages, params;
@@
  add_pages(int nid, unsigned long start_pfn, unsigned long nr_pages,
	    struct mhp_params *params)
  {
	...
	ret = __add_pages(nid, start_pfn, nr_pages, params);
-	WARN_ON_ONCE(ret);
	...
  }
