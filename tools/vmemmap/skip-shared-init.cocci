// SPDX-License-Identifier: GPL-2.0
// mm/mm_init: initialise the struct pages of a device that are not shared
//
// memmap_init_zone_device() guesses how the memory map of a device is laid
// out: of each compound page, as many struct pages are initialised as fill
// the pages that it has of its own. Where nothing could be shared, because a
// neighbour has mapped part of the memory map before, the others stay
// uninitialised; and where a range ends within a compound page, struct pages
// behind it are written.
//
// Visit the struct pages of a compound page that lie in the range, and ask
// the page tables for those that are shared: they have been initialised
// before they were mapped, and are read-only. Where tails hold the address of
// their head, and on architectures with code of their own for this, the guess
// stays, since it is right there.
//
// A compound page costs two looks into the page tables. A page that was
// initialised a line before is its own head, and is not asked for it: that is
// 5 instructions of 40 for each struct page of a device without compound
// pages. KUnit and the harness visit all kinds of layouts.
//
// edits: mm/mm_init.c
// only: 7.2
// only: 7.3

@ header @
@@
  #include <linux/vmstat.h>
+ #include <linux/vmemmap.h>

@ visit @
identifier pfn, end_pfn, head_pfn;
iterator name for_each_own_pfn;
statement S;
@@
  memmap_init_compound(...)
  {
	<...
-	for (pfn = head_pfn + 1; pfn < end_pfn; pfn++)
+	for_each_own_pfn(pfn, head_pfn + 1, end_pfn)
		S
	...>
  }

@ guess @
expression ms;
@@
  compound_nr_pages(...)
  {
	<...
-	early_section(ms)
+	compound_info_has_mask() || early_section(ms)
	...>
  }

@ range @
identifier pfn, end_pfn, altmap, pgmap;
@@
  memmap_init_zone_device(...)
  {
	<...
	for (...; pfn < end_pfn; ...) {
	<...
-	compound_nr_pages(pfn, altmap, pgmap)
+	min(compound_nr_pages(pfn, altmap, pgmap), end_pfn - pfn)
	...>
	}
	...>
  }

@ own_head @
identifier page, pgmap;
@@
  __init_zone_device_page(struct page *page, ...)
  {
	<...
-	page_folio(page)->pgmap = pgmap
+	((struct folio *)page)->pgmap = pgmap
	...>
  }
