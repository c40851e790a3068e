// SPDX-License-Identifier: GPL-2.0
// mm: find the head of a compound page by a mask with VMEMMAP_MASK
//
// Devices can share the tails of their compound pages where a tail finds
// its head by a mask of its own address. Only HugeTLB's optimisation
// brings that mask, and that is not to be had on arm64, where nobody may
// replace a leaf of the memory map that others read meanwhile. Devices
// need no such thing: the entries that map their struct pages were empty
// before.
//
// Let VMEMMAP_MASK bring the mask, too.
//
// On arm64, compound_head() becomes a mask without a branch. A GiB of
// device memory in pages of 2 MiB takes 2 MiB of struct pages instead of
// 16. KUnit and guests with a device test it.
//
// edits: include/linux/page-flags.h
// only: 7.2
// only: 7.3

@ mask @
@@
  compound_info_has_mask(void)
  {
+	if (IS_ENABLED(CONFIG_VMEMMAP_MASK))
+		return is_power_of_2(sizeof(struct page));
	if (!IS_ENABLED(CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP))
		return false;
	...
  }
