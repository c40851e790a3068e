// SPDX-License-Identifier: GPL-2.0
/*
 * The memory map of loongarch64: where the vmemmap is. All processes share the page
 * tables of the kernel.
 *
 * vmemmap_populate() is the kernel's own and takes no memory from a device, so a memory
 * map is always RAM here.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/vmemmap.h>

#ifdef CONFIG_MEMORY_HOTPLUG
void vmemmap_free(unsigned long start, unsigned long end,
		  struct vmem_altmap *altmap)
{
	const unsigned long first = (unsigned long)vmemmap;
	const unsigned long last = VMEMMAP_END;

	if (WARN_ON_ONCE(start < first || start > end || end - 1 > last))
		return;
	vmemmap_depopulate(start, end, altmap, first, last + 1);
}
#endif
