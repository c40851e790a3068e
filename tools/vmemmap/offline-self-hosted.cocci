// SPDX-License-Identifier: GPL-2.0
// Lets a memory block that holds its own memory map go offline on arm64. What goes
// offline begins behind the memory map then; but nothing is ever unmapped there:
// linear map and vmemmap go by whole sections. So ask whether a leaf would be split
// where the section begins.
//
// edits: arch/arm64/mm/mmu.c
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
