// SPDX-License-Identifier: GPL-2.0
// Lets the sections that __remove_pages() takes away go after one flush of the TLB
// for as many as can be gathered, where each would take one of its own.
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
