// SPDX-License-Identifier: GPL-2.0
/*
 * privvmpages: private writable address space and stacks
 *
 * The kernel keeps exact figures per address space, mm->data_vm and
 * mm->stack_vm, and asks may_expand_vm() before it enlarges them. That function
 * is hooked; mm.c has how the charge follows the figures. A loop of mmap and
 * munmap finds its own pages still charged and touches no counter at all.
 *
 * Severities: BC_HARD for mappings, BC_SOFT (the limit) for stack growth, which
 * cannot be refused without killing. A fork charges the copy at BC_HARD.
 *
 * Mappings that will be locked are asked for a second time, for lockedpages
 * (locked.c), shared ones too.
 *
 * Some callers ask twice. mmap_region() of 6.1 does when it was refused once;
 * the second question, from a place shortly behind the first, is not counted as
 * another failure. mprotect() that changes writable memory to writable memory
 * asks first for the new and then for the old state, and goes on when both are
 * refused: at the barrier that leaves one failure counted that did no harm.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/task_stack.h>

#include "hook.h"
#include "locked.h"
#include "member.h"
#include "mm.h"

/* Which bound applies to a mapping: -1 when it is not counted at all. */
static __always_inline int bc_vm_severity(unsigned long flags)
{
	if ((flags & (VM_WRITE | VM_SHARED | VM_STACK)) == VM_WRITE)
		return BC_HARD;
	return flags & VM_STACK ? BC_SOFT : -1;
}

/*
 * What a mapping at a fixed address adds to the figures. Not what is asked for:
 * that leaves out, or on 6.1 at first includes, all that is replaced, but what
 * is replaced need not have been counted. Somebody who reserves addresses
 * without access and maps memory there later asks for nothing at all.
 */
static u64 bc_vm_fixed_growth(struct mm_struct *mm)
{
	unsigned long args[6], addr, end;
	struct vm_area_struct *vma;
	u64 replaced = 0, pages;

	syscall_get_arguments(current, current_pt_regs(), args);
	addr = args[0];
	end = addr + PAGE_ALIGN(args[1]);
	pages = (end - addr) >> PAGE_SHIFT;
	for (vma = find_vma(mm, addr); vma && vma->vm_start < end;
	     vma = find_vma(mm, vma->vm_end))
		if (bc_vm_severity(vma->vm_flags) >= 0)
			replaced += min(end, vma->vm_end) - max(addr, vma->vm_start);
	replaced >>= PAGE_SHIFT;
	return pages > replaced ? pages - replaced : 0;
}

static __always_inline bool bc_vm_may_expand(struct mm_struct *mm, unsigned long npages,
					     enum bc_severity sev, unsigned long ip)
{
	if (sev == BC_HARD && bc_mm_maps_fixed())
		npages = bc_vm_fixed_growth(mm);
	else if (bc_mm_unchanged(mm, BC_MM_PRIVATE, npages))
		return true;
	return bc_mm_ask(mm, BC_MM_PRIVATE, npages, sev, ip);
}

BC_HANDLER(bc_on_may_expand_vm)
{
	struct mm_struct *mm = BC_ARG(fregs, 0, struct mm_struct *);
	unsigned long flags = BC_ARG(fregs, 1, unsigned long);
	unsigned long npages = BC_ARG(fregs, 2, unsigned long);
	bool ok = true;
	int sev;

	if (bc_current_unknown())
		return;
	if (unlikely(flags & VM_LOCKED))
		ok = bc_locked_may_expand(mm, flags, npages, parent_ip);
	sev = bc_vm_severity(flags);
	if (ok && sev >= 0)
		ok = bc_vm_may_expand(mm, npages, sev, parent_ip);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_zero);
}

BC_HANDLER(bc_on_exit_mmap)
{
	struct mm_struct *mm = BC_ARG(fregs, 0, struct mm_struct *);

	if (!bc_ptrmap_unknown(&bc_mm_map, mm))
		bc_mm_forget(mm);
}

static struct bc_hook bc_vm_hooks[] = {
	{ .func = "exit_mmap", .handler = bc_on_exit_mmap },
	{ .func = "may_expand_vm", .handler = bc_on_may_expand_vm, .refuses = true },
	{}
};

/* A fork is charged by the hook of numproc. */
struct bc_source bc_source_vm = {
	.name = "privvmpages",
	.resources = BIT(BC_PRIVVMPAGES),
	.needs = &bc_source_proc,
	.hooks = bc_vm_hooks,
	.init = bc_mm_init,
	.exit = bc_mm_exit,
	.recount = bc_mm_recount_pool,
	.leave = bc_mm_leave,
	.purge = bc_mm_purge,
};
