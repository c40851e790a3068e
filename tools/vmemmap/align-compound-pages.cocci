// SPDX-License-Identifier: GPL-2.0
// mm: align struct pages for compound pages that are found by a mask
//
// Where the tails of a compound page find their head by a mask of their
// own address, the struct page of a page frame that is a multiple of
// 2^order must lie on a multiple of the size of 2^order struct pages. So
// far only HugeTLB's optimisation of its memory map brings that mask.
// VMEMMAP_MASK will do so, too.
//
// Let MAX_FOLIO_VMEMMAP_ALIGN say what either of them needs. It is what
// sparse_init() checks with CONFIG_DEBUG_VM.
//
// Without VMEMMAP_MASK nothing changes.
//
// edits: include/linux/mmzone.h
// only: 7.2
// only: 7.3

@ align @
@@
- IS_ENABLED(CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP)
+ (IS_ENABLED(CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP) || IS_ENABLED(CONFIG_VMEMMAP_MASK))
