// SPDX-License-Identifier: GPL-2.0
// mm/memory_hotplug: refuse an add whose memory map does not fit
//
// Memory that is added needs memory for its struct pages first. If there is
// not as much, __add_pages() allocates all that is left before it fails, and
// everybody else starves meanwhile: a DIMM of 120 GiB, plugged into a guest
// of 2 GiB, ends in a panic. Blocks that are added one by one and left
// offline end the same way.
//
// Ask vmemmap_check_memory() before the first section is added. It compares
// what the whole range needs with what can be allocated or reclaimed, and
// refuses the range in one line.
//
// It costs one look at the counters of free memory for each range, however
// large. The user-space tests cover ranges that fit exactly, and ranges that
// lack a page.
//
// gather-remove-pages.cocci, which comes first, includes the header.
//
// edits: mm/memory_hotplug.c

@ refuse @
identifier nid, pfn, nr_pages, params, altmap, err;
statement loop;
@@
  __add_pages(int nid, unsigned long pfn, unsigned long nr_pages,
	      struct mhp_params *params)
  {
	...
	int err;
	struct vmem_altmap *altmap = params->altmap;
	...
+	err = vmemmap_check_memory(nid, pfn, nr_pages, altmap, params->pgmap);
+	if (err)
+		return err;
	for (...;...;...)
		loop
	...
  }
