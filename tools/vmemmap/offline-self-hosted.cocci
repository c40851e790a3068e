// SPDX-License-Identifier: GPL-2.0
// arm64/mm: let a block that holds its memory map go offline
//
// The notifier that rejects the removal of memory asks whether the range
// would split a leaf of the kernel. For a block that holds its own memory
// map, the range starts behind that memory map, so the answer is always that
// it would. But nothing is unmapped at that boundary: linear map and vmemmap
// are removed by whole sections.
//
// Ask about the whole section. A leaf that removal would really split is
// still found.
//
// This costs nothing. A guest with 64K pages unplugs a DIMM that holds its
// own memory map.
//
// edits: arch/arm64/mm/mmu.c
// only: 7.2
// only: 7.3

@ whole @
identifier pfn, nr, phys;
@@
  can_unmap_without_split(unsigned long pfn, unsigned long nr)
  {
	...
+	nr += pfn - SECTION_ALIGN_DOWN(pfn);
+	pfn = SECTION_ALIGN_DOWN(pfn);
	phys = PFN_PHYS(pfn);
	...
  }
