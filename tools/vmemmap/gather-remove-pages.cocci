// SPDX-License-Identifier: GPL-2.0
// mm/memory_hotplug: flush the TLB once for many sections that are removed
//
// __remove_pages() removes one section after the other, and each of them
// flushes the TLB of all CPUs before its memory map is freed. Removal of a
// large range is mostly flushes.
//
// Put the loop between vmemmap_gather_begin() and vmemmap_gather_end(): the
// entries of several sections are cleared first, one flush covers them all,
// and their memory is freed after that. A bounded number of pages waits for
// the flush.
//
// The table in the cover letter has the flushes of hot-remove before and
// after. KUnit checks that no page is freed before the flush that covers it.
//
// edits: mm/memory_hotplug.c

@ header @
@@
  #include <linux/memory_hotplug.h>
+ #include <linux/vmemmap.h>

@ gather @
identifier pfn, nr_pages, altmap, pgmap;
statement loop;
@@
  __remove_pages(unsigned long pfn, unsigned long nr_pages,
		 struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
  {
	...
+	vmemmap_gather_begin(altmap);
	for (...;...;...)
		loop
+	vmemmap_gather_end();
  }
