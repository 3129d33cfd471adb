/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What ThreadSanitizer has to be told of liburcu, whose library and inline assembly it cannot
 * see. */
#ifndef GW_ENV_URCU_TSAN_H
#define GW_ENV_URCU_TSAN_H

/* A grace period orders what read-side sections did before their end ahead of what comes after
 * it. One tag stands for all read-side sections: released at each end, acquired after each grace
 * period. That says a little more than RCU does, so a reuse that is too early may hide here;
 * poisoned tables show it instead. A barrier orders deferred calls ahead of what comes after it:
 * another tag, released as each returns. docs/testing.md tells the rest. */
#if defined(__SANITIZE_THREAD__)
#define GW_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GW_TSAN 1
#endif
#endif

#ifdef GW_TSAN
extern void __tsan_acquire(void *addr);
extern void __tsan_release(void *addr);
extern char gw_urcu_tsan_tag, gw_urcu_tsan_calls;
#define GW_TSAN_READ_END() __tsan_release(&gw_urcu_tsan_tag)
#define GW_TSAN_GRACE_PERIOD() __tsan_acquire(&gw_urcu_tsan_tag)
#define GW_TSAN_QUEUE(head) __tsan_release(head)
#define GW_TSAN_CALLED(head) __tsan_acquire(head)
#define GW_TSAN_RETURNED() __tsan_release(&gw_urcu_tsan_calls)
#define GW_TSAN_BARRIER() __tsan_acquire(&gw_urcu_tsan_calls)
#else
#define GW_TSAN_READ_END() ((void)0)
#define GW_TSAN_GRACE_PERIOD() ((void)0)
#define GW_TSAN_QUEUE(head) ((void)(head))
#define GW_TSAN_CALLED(head) ((void)(head))
#define GW_TSAN_RETURNED() ((void)0)
#define GW_TSAN_BARRIER() ((void)0)
#endif

#endif
