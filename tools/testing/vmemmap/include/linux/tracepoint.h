/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tracepoint calls soft_trace_<event>() with the same arguments; see trace.c.
 */
#ifndef _LINUX_TRACEPOINT_H
#define _LINUX_TRACEPOINT_H

#define TRACE_DEFINE_ENUM(name) struct soft_nothing
#define TP_PROTO(args...)	args
#define TP_ARGS(args...)	args

#define SOFT_TRACE_EVENT(name, proto, args)				\
void soft_trace_##name(proto);						\
									\
static inline void trace_##name(proto)					\
{									\
	if (soft_is_traced())						\
		soft_trace_##name(args);				\
}									\
									\
static inline bool trace_##name##_enabled(void)				\
{									\
	return soft_is_traced();					\
}									\
									\
struct soft_nothing

#define DECLARE_EVENT_CLASS(name, proto, args, fields, assign, print)	\
	struct soft_nothing
#define DEFINE_EVENT(class, name, proto, args)				\
	SOFT_TRACE_EVENT(name, PARAMS(proto), PARAMS(args))
#define TRACE_EVENT(name, proto, args, fields, assign, print)		\
	SOFT_TRACE_EVENT(name, PARAMS(proto), PARAMS(args))
#define PARAMS(args...)		args

#endif /* _LINUX_TRACEPOINT_H */
