// SPDX-License-Identifier: GPL-2.0
// Lets __add_pages() take back the sections it has added when a later one fails:
// all of a range comes, or nothing of it. The section that failed was not added
// by this call, or was undone by sparse_add_section(); so it is not touched, nor
// is what follows it.
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
