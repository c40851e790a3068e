/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmemmap_base.h - the kernel that this memory map back end stands on
 *
 * Every kernel header that the mm/ files of the back end need is included
 * here, and every difference between the kernel series they serve is settled
 * here. A feature is tested before a version, and no other file may test a
 * version. The user-space harness brings its own file under the same guard.
 */
#ifndef _MM_VMEMMAP_BASE_H
#define _MM_VMEMMAP_BASE_H

#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/bootmem_info.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page_ref.h>
#include <linux/pgalloc.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/version.h>
#include <linux/vmstat.h>
#include <kunit/static_stub.h>
#include <asm/dma.h>
#include <asm/tlbflush.h>

#include "internal.h"

/*
 * 6.12 expects this back end to define what an empty table of each level
 * looks like (weak, see vmemmap_alloc_table()) and links the per-level
 * functions of linux/mm.h into sparc.
 */
#define VMEMMAP_DEFINES_TABLE_INIT
#define VMEMMAP_PUBLIC_LEVELS
#define VMEMMAP_LEVEL

/*
 * Give back a page that memblock gave. 6.12 can keep book of what the pages of
 * the boot memory map are used for; such a page goes when its last user does.
 */
static inline void vmemmap_put_boot_page(struct page *page)
{
#ifdef CONFIG_HAVE_BOOTMEM_INFO_NODE
	if (PagePrivate(page) &&
	    (page->index == SECTION_INFO || page->index == MIX_SECTION_INFO)) {
		put_page_bootmem(page);
		return;
	}
#endif
	free_reserved_page(page);
}

#endif /* _MM_VMEMMAP_BASE_H */
