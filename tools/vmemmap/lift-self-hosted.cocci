// SPDX-License-Identifier: GPL-2.0
// Lets a memory block hold its own memory map where that does not fill PMD leaves:
// with 16K and 64K pages on arm64, and with struct pages of 80 bytes on x86. The
// refusal kept stock from backing a leaf by one block that describes another one
// too. Ours backs no such leaf by an altmap, and maps base pages from it.
//
// What else is refused stays refused, for it is not ours to make safe:
//	a memory map that is no whole number of pages	its ends would be RAM
//	one that does not fill pageblocks		these go online and offline
//							as a whole
//	one that fills the block, pageblocks counted	there is nothing left to add
// and the leaves of architectures that free their vmemmap without us.
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
