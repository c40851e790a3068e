// SPDX-License-Identifier: GPL-2.0
// mm/memory_hotplug: undo __add_pages() when a section cannot be added
//
// __add_pages() adds a range section by section and stops at the first one
// that fails. The sections before it stay: they are valid and have a memory
// map, but nothing owns them. A caller that tries again gets -EEXIST for
// ever, arm64 removes the linear map under them, and a memory map in an
// altmap outlives the range that holds it.
//
// Remove the sections that this call has added, so that either the whole
// range is added or nothing of it. The section that failed was not added by
// this call, or sparse_add_section() has undone it; neither it nor what
// follows is touched.
//
// Nothing is spent unless an add fails. The KUnit suites of this series fail
// each section of a range in turn, and a boot under QEMU fails each
// allocation of an add; no page is lost.
//
// edits: mm/memory_hotplug.c

@ undo @
identifier nid, pfn, nr_pages, params, altmap, err;
expression nr;
@@
  __add_pages(int nid, unsigned long pfn, unsigned long nr_pages,
	      struct mhp_params *params)
  {
+	const unsigned long start_pfn = pfn;
	...
	struct vmem_altmap *altmap = params->altmap;
	<+...
	err = sparse_add_section(nid, pfn, nr, altmap, params->pgmap);
-	if (err)
+	if (err) {
+		__remove_pages(start_pfn, pfn - start_pfn, altmap,
+			       params->pgmap);
		break;
+	}
	...+>
  }
