// SPDX-License-Identifier: GPL-2.0
/*
 * lockedpages: memory that must not be swapped out
 *
 * The kernel keeps an exact figure per address space, mm->locked_vm, which is
 * VmLck in /proc/PID/status. It is enlarged in three ways:
 *
 * mlock() and mlockall() of what is mapped. apply_vma_lock_flags() and
 *	apply_mlockall_flags() are hooked: with the mmap lock held for writing,
 *	the pages that are not locked yet are summed up before the kernel locks
 *	them.
 * New or larger mappings with VM_LOCKED: MAP_LOCKED, or after
 *	mlockall(MCL_FUTURE) any mapping, brk and the stack. They pass
 *	may_expand_vm(), which is hooked for privvmpages.
 * Drivers that pin memory for a task (vfio, vdpa) add to it themselves. That is
 *	found by the next recount and refused to nobody.
 *
 * mm.c has how the charge follows the figure; nothing is hooked on munlock(),
 * munmap() and exit. What a fork makes is not locked.
 *
 * SHM_LOCK locks a segment and not a mapping: shmem_lock() is hooked, and the
 * segment has a record (shm.c) that charges it to the pool of whoever locks it,
 * until it is unlocked or removed.
 *
 * Severities: BC_HARD, and BC_SOFT (the limit) for stack growth.
 *
 * memfd_secret() memory is locked, too, but not in the kernel's figure.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mman.h>

#include "hook.h"
#include "locked.h"
#include "member.h"
#include "mm.h"
#include "shm.h"

/* Would mlock() make this mapping's pages locked that are not? */
static bool bc_vma_will_lock(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_LOCKED | VM_SPECIAL | VM_HUGETLB | VM_DROPPABLE))
		return false;
	if (!vma->vm_file)
		return true;
	return file_inode(vma->vm_file)->i_sb->s_magic != SECRETMEM_MAGIC &&
	       !IS_DAX(vma->vm_file->f_mapping->host);
}

/*
 * Pages that would be locked in a range, up to its first hole, where the kernel
 * stops as well. The walk costs less than the kernel's own, which follows.
 */
static u64 bc_locked_by_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long at = start, stop;
	struct vm_area_struct *vma;
	u64 bytes = 0;
	struct vma_iterator vmi;

	vma_iter_init(&vmi, mm, start);
	for_each_vma_range(vmi, vma, end) {
		if (vma->vm_start > at)
			break;
		stop = min(end, vma->vm_end);
		if (bc_vma_will_lock(vma))
			bytes += stop - at;
		at = stop;
	}
	return bytes >> PAGE_SHIFT;
}

static u64 bc_locked_by_all(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	u64 pages = 0;
	struct vma_iterator vmi;

	vma_iter_init(&vmi, mm, 0);
	for_each_vma(vmi, vma)
		if (bc_vma_will_lock(vma))
			pages += vma_pages(vma);
	return pages;
}

/* Pages of a range that are locked already. */
static u64 bc_locked_in_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	u64 bytes = 0;
	struct vma_iterator vmi;

	vma_iter_init(&vmi, mm, start);
	for_each_vma_range(vmi, vma, end)
		if (vma->vm_flags & VM_LOCKED)
			bytes += min(end, vma->vm_end) - max(start, vma->vm_start);
	return bytes >> PAGE_SHIFT;
}

/*
 * What a question about a locked mapping adds to the figure. mprotect() and
 * mremap() with MREMAP_DONTUNMAP ask for room, but lock nothing more. Over what
 * is replaced at a fixed address see bc_vm_fixed_growth().
 */
static u64 bc_locked_growth(struct mm_struct *mm, unsigned long flags, u64 npages)
{
	unsigned long args[6], end;
	u64 replaced;

	if (flags & (VM_SPECIAL | VM_HUGETLB | VM_DROPPABLE))
		return 0;
	if (bc_in_syscall(mprotect) || bc_in_syscall(pkey_mprotect))
		return 0;
	syscall_get_arguments(current, current_pt_regs(), args);
	if (bc_in_syscall(mremap))
		return args[3] & MREMAP_DONTUNMAP ? 0 : npages;
	if (!bc_mm_maps_fixed())
		return npages;
	end = args[0] + PAGE_ALIGN(args[1]);
	npages = (end - args[0]) >> PAGE_SHIFT;
	replaced = bc_locked_in_range(mm, args[0], end);
	return npages > replaced ? npages - replaced : 0;
}

/**
 * bc_locked_may_expand() - may a locked mapping be made, or made larger?
 * @mm: its address space, with the mmap lock held
 * @flags: its VM_ flags, VM_LOCKED among them
 * @npages: pages asked for
 * @ip: where the question comes from
 *
 * Context: in the hook of may_expand_vm(), the current task may be in a pool.
 * Return: false when it was refused, and counted as such.
 */
bool bc_locked_may_expand(struct mm_struct *mm, unsigned long flags, u64 npages,
			  unsigned long ip)
{
	u64 growth;

	if (!bc_res_active(BC_LOCKEDPAGES))
		return true;
	growth = bc_locked_growth(mm, flags, npages);
	return !growth || bc_mm_ask(mm, BC_MM_LOCKED, growth,
				    flags & VM_STACK ? BC_SOFT : BC_HARD, ip);
}

static void bc_locked_ask(struct ftrace_regs *fregs, u64 pages, unsigned long parent_ip)
{
	if (pages && !bc_mm_ask(current->mm, BC_MM_LOCKED, pages, BC_HARD, parent_ip))
		bc_refuse_call(fregs, bc_instead_enomem);
}

/* mlock(), mlock2() and munlock(). */
BC_HANDLER(bc_on_lock_range)
{
	unsigned long start = BC_ARG(fregs, 0, unsigned long);
	unsigned long len = BC_ARG(fregs, 1, size_t);

	if (bc_current_unknown() || !(BC_ARG(fregs, 2, unsigned long) & VM_LOCKED))
		return;
	if (start + len > start)
		bc_locked_ask(fregs, bc_locked_by_range(current->mm, start, start + len),
			      parent_ip);
}

/* mlockall() and munlockall(). */
BC_HANDLER(bc_on_lock_all)
{
	if (bc_current_unknown() || !(BC_ARG(fregs, 0, int) & MCL_CURRENT))
		return;
	bc_locked_ask(fregs, bc_locked_by_all(current->mm), parent_ip);
}

/* SHM_LOCK, SHM_UNLOCK, and the removal of a segment. */
BC_HANDLER(bc_on_shm_lock)
{
	struct inode *inode = file_inode(BC_ARG(fregs, 0, struct file *));

	if (!BC_ARG(fregs, 1, int)) {
		bc_shm_drop(inode, BC_SHM_LOCKED);
		return;
	}
	if (bc_current_unknown() || SHMEM_I(inode)->flags & VM_LOCKED)
		return;
	if (!bc_shm_take(inode, BC_SHM_LOCKED, bc_shm_size(inode)))
		bc_refuse_call(fregs, bc_instead_enomem);
}

static struct bc_hook bc_locked_hooks[] = {
	{ .func = "shmem_lock", .handler = bc_on_shm_lock, .refuses = true },
	{ .func = "apply_vma_lock_flags", .handler = bc_on_lock_range, .refuses = true },
	{ .func = "apply_mlockall_flags", .handler = bc_on_lock_all, .refuses = true },
	{}
};

struct bc_source bc_source_locked = {
	.name = "lockedpages",
	.resources = BIT(BC_LOCKEDPAGES),
	.needs = &bc_source_vm,
	.hooks = bc_locked_hooks,
};
