// SPDX-License-Identifier: GPL-2.0
// mm/memory_hotplug: poison no struct page that other devices share
//
// With CONFIG_DEBUG_VM, remove_pfn_range_from_zone() poisons all struct pages
// of a range. Tails of compound pages of a device may map a page that all
// devices of the zone share: their struct pages would be poisoned as well, if
// the page were not read-only.
//
// Poison what is not shared. Only zones of devices have such pages.
//
// This costs nothing without CONFIG_DEBUG_VM. KUnit removes one of two
// devices, and the tails of the other are as before.
//
// edits: mm/memory_hotplug.c
// only: 7.2
// only: 7.3

@ poison @
expression pfn, nr_pages;
@@
  remove_pfn_range_from_zone(...) {
	<...
-	page_init_poison(pfn_to_page(pfn), sizeof(struct page) * nr_pages);
+	vmemmap_uninit_poison(pfn, nr_pages);
	...>
  }
