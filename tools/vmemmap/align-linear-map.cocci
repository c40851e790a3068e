// SPDX-License-Identifier: GPL-2.0
// arm64/mm: start the linear map where struct pages are aligned
//
// The vmemmap starts with the struct page of the first page frame of the
// linear map, which is a multiple of 1 GiB with 4K and 16K pages and one
// of 512 MiB with 64K pages. So the struct pages of a compound page are
// aligned to their size up to these sizes, but HugeTLB pages may have 16
// GiB with 64K pages. Tails that find their head by a mask would find
// another one.
//
// Round the start of the linear map down to a multiple of the largest
// compound page, 16 GiB, if there is such a mask.
//
// RAM that starts at an odd GiB leaves up to 16 GiB at the start of the
// linear map unused. That is address space, not memory; VMEMMAP_MASK is
// off where it could be missed, with virtual addresses of 36 and 39 bits.
//
// edits: arch/arm64/mm/init.c
// only: 7.2
// only: 7.3

@ size @
identifier size;
expression E;
@@
  arm64_memblock_init(...)
  {
	s64 size = E;
+	const u64 folio_align = PFN_PHYS(MAX_FOLIO_VMEMMAP_ALIGN / sizeof(struct page));
	...
  }

@ start @
expression E;
@@
- round_down(E, ARM64_MEMSTART_ALIGN)
+ round_down(E, max(ARM64_MEMSTART_ALIGN, folio_align))

@ end @
expression E;
@@
- round_up(E, ARM64_MEMSTART_ALIGN)
+ round_up(E, max(ARM64_MEMSTART_ALIGN, folio_align))
