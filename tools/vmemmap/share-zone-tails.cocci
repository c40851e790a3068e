// SPDX-License-Identifier: GPL-2.0
// mm: give a compound page of a device one vmemmap page of its own
//
// Where tails find their head by a mask of their own address, the tails of
// all compound pages of an order are alike. HugeTLB makes use of that: all
// its pages of an order in a zone share one page of tails. A compound page of
// a device has two vmemmap pages of its own, though, and one would do.
//
// Let VMEMMAP_RESERVE_NR say so. The back end maps the tail page of the zone
// from the second vmemmap page on, read-only, and shares from two vmemmap
// pages on. Architectures and configurations whose tails hold the address of
// their head keep two, among them powerpc, which has its own code for this.
//
// A terabyte of device memory in pages of 2 MiB takes 2 GiB for its memory
// map instead of 4, and half of its struct pages are not initialised at all.
// Once a struct page of a tail is written, it is a bug that an oops reports.
// KUnit and guests with devices test it.
//
// edits: include/linux/mm.h
// only: 7.2
// only: 7.3

@ own @
@@
- #define VMEMMAP_RESERVE_NR 2
+ #define VMEMMAP_RESERVE_NR (compound_info_has_mask() ? 1 : 2)
