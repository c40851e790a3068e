// SPDX-License-Identifier: GPL-2.0
// mm/memory_hotplug: let blocks hold their memory map without PMD leaves
//
// memmap_on_memory refuses a memory block whose memory map does not fill PMD
// leaves: with 16K and 64K pages on arm64, and with struct pages of 80 bytes
// on x86_64, it can never be used. The refusal keeps the stock back end from
// mapping a leaf that also describes another block to memory of this one.
// This back end maps no such leaf to an altmap; it maps base pages of the
// altmap.
//
// Allow it on the two architectures that free their memory map by this back
// end. What else is refused stays refused:
//
//  - a memory map that is no whole number of pages, since its ends would be
//    RAM;
//  - one that does not fill pageblocks, since these go online and offline as
//    a whole;
//  - one that fills the block, pageblocks counted, since nothing would be
//    left to add.
//
// Base pages cost more TLB misses than a leaf; the alternative here is to
// spend RAM. Guests with 16K and 64K pages and with struct pages of 80 bytes
// plug, use and unplug DIMMs that hold their own memory map.
//
// edits: mm/memory_hotplug.c

@ lift @
identifier size;
@@
  arch_supports_memmap_on_memory(unsigned long size)
  {
+	if (IS_ENABLED(CONFIG_ARM64) || IS_ENABLED(CONFIG_X86_64))
+		return true;
	return IS_ALIGNED(size, PMD_SIZE);
  }
