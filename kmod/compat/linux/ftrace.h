/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Access to the arguments and the instruction pointer of a hooked function, by
 * the names of 6.12. Drop with 6.1.
 *
 * On 6.1 ftrace_get_regs() is NULL unless all registers were saved, but the
 * light trampoline has stored the argument registers in the same place.
 */
#ifndef _BC_COMPAT_LINUX_FTRACE_H
#define _BC_COMPAT_LINUX_FTRACE_H

#include_next <linux/ftrace.h>

#ifndef ftrace_regs_get_argument
#define ftrace_regs_get_argument(fregs, n) \
	regs_get_kernel_argument(&(fregs)->regs, n)
#endif

#ifndef ftrace_regs_set_instruction_pointer
#define ftrace_regs_set_instruction_pointer(fregs, ip) \
	ftrace_instruction_pointer_set(fregs, ip)
#endif

#endif /* _BC_COMPAT_LINUX_FTRACE_H */
