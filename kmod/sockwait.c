// SPDX-License-Identifier: GPL-2.0
/*
 * Senders that wait for room in their pool
 *
 * The kernel lets a sender wait while what it has in flight is not below its
 * sk_sndbuf. So a sender whose pool is full is held back by a lower sk_sndbuf:
 * it sleeps, or gets EAGAIN, and poll() does not say that it is writable, all
 * by the kernel's own code.
 *
 * What that code does not know is that room has come back in the pool: it wakes
 * a sender when its own messages are consumed, and if their receiver sleeps, or
 * nothing is in flight at all, that may be never. Therefore a worker looks at
 * those who wait, in the order in which they came, as long as there are any. It
 * charges what they are waiting for, restores sk_sndbuf and wakes them.
 *
 * A record is on the list only while its socket lives: the hook that sees the
 * socket go takes it off, and who takes the record away from a living socket
 * lets the sender go (bc_sock_let_go()).
 */
#include <linux/poll.h>
#include <linux/workqueue.h>

#include "bind.h"
#include "sock.h"

/* How often the worker looks, and at how many senders with interrupts off. */
#define BC_WAIT_TICK	max(HZ / 100, 1)
#define BC_WAIT_BATCH	256

static DEFINE_SPINLOCK(bc_wait_lock);
static LIST_HEAD(bc_wait_list);

static void bc_wait_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(bc_wait_work, bc_wait_work_fn);

/**
 * bc_sock_lower_sndbuf() - let the kernel's own flow control hold a sender back
 * @rec: record
 * @sk: its socket
 * @to: new sk_sndbuf
 *
 * The application sees the lowered figure in SO_SNDBUF; if it sets another one
 * meanwhile, that is what will be restored.
 *
 * Context: inside a charge section.
 */
void bc_sock_lower_sndbuf(struct bc_sock *rec, struct sock *sk, int to)
{
	int now;

	spin_lock(&rec->pool->sk_lock);
	now = READ_ONCE(sk->sk_sndbuf);
	if (!rec->sndbuf_was || now != rec->sndbuf_low)
		rec->sndbuf_was = now;
	rec->sndbuf_low = min(to, rec->sndbuf_was);
	WRITE_ONCE(sk->sk_sndbuf, rec->sndbuf_low);
	spin_unlock(&rec->pool->sk_lock);
}

static void bc_sock_restore_locked(struct bc_sock *rec, struct sock *sk)
{
	lockdep_assert_held(&rec->pool->sk_lock);
	if (rec->sndbuf_was && READ_ONCE(sk->sk_sndbuf) == rec->sndbuf_low)
		WRITE_ONCE(sk->sk_sndbuf, rec->sndbuf_was);
	rec->sndbuf_was = 0;
}

/**
 * bc_sock_restore_sndbuf() - undo bc_sock_lower_sndbuf()
 * @rec: record
 * @sk: its socket
 *
 * Context: inside a charge section.
 */
void bc_sock_restore_sndbuf(struct bc_sock *rec, struct sock *sk)
{
	if (likely(!READ_ONCE(rec->sndbuf_was)))
		return;
	spin_lock(&rec->pool->sk_lock);
	bc_sock_restore_locked(rec, sk);
	spin_unlock(&rec->pool->sk_lock);
}

/**
 * bc_sock_restore_idle() - the same for a TCP sender that has nothing left to send
 * @rec: record
 * @sk: its socket
 *
 * The last of its data may have fitted into pages that it had: then it was not granted
 * anything since it was refused. Who begins to send at this moment is not held back, but
 * when it asks for memory.
 *
 * Context: inside a charge section, under the pool's sk_lock.
 */
void bc_sock_restore_idle(struct bc_sock *rec, struct sock *sk)
{
	if (unlikely(rec->sndbuf_was) && rec->tcp && !READ_ONCE(sk->sk_wmem_queued))
		bc_sock_restore_locked(rec, sk);
}

/**
 * bc_sock_hold() - make a sender wait for room
 * @rec: record
 * @sk: its socket
 * @need: bytes it wants to send
 * @to: new sk_sndbuf, not above what it has in flight
 *
 * Context: inside a charge section, before the kernel looks at sk_sndbuf.
 */
void bc_sock_hold(struct bc_sock *rec, struct sock *sk, long need, int to)
{
	bc_sock_lower_sndbuf(rec, sk, to);
	spin_lock(&bc_wait_lock);
	rec->wait_need = need;
	if (list_empty(&rec->wait_link))
		list_add_tail(&rec->wait_link, &bc_wait_list);
	spin_unlock(&bc_wait_lock);
	queue_delayed_work(bc_wq, &bc_wait_work, BC_WAIT_TICK);
}

/**
 * bc_sock_forget() - take a record off the list of those who wait
 * @rec: record of a socket that goes, or is let go
 *
 * Context: inside a charge section, or when nothing is attached.
 */
void bc_sock_forget(struct bc_sock *rec)
{
	unsigned long flags;

	if (likely(list_empty_careful(&rec->wait_link)))
		return;
	spin_lock_irqsave(&bc_wait_lock, flags);
	list_del_init(&rec->wait_link);
	spin_unlock_irqrestore(&bc_wait_lock, flags);
}

static void bc_sock_wake(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	rcu_read_unlock();
}

/**
 * bc_sock_let_go() - no pool holds this sender back any more
 * @rec: record
 * @sk: its socket, alive
 *
 * Context: inside a charge section.
 */
void bc_sock_let_go(struct bc_sock *rec, struct sock *sk)
{
	bool waited = !list_empty_careful(&rec->wait_link);

	bc_sock_forget(rec);
	bc_sock_restore_sndbuf(rec, sk);
	if (waited)
		bc_sock_wake(sk);
}

/*
 * Charges what a sender waits for. The first who finds no room has everybody
 * recounted; not again once somebody was woken, who will have this in flight
 * only in a moment, and would lose it to the next.
 */
static bool bc_sock_admit(struct bc_sock *rec, struct sock *sk, bool recount)
{
	long want = max(sk_wmem_alloc_get(sk), 0) + rec->wait_need;
	struct bc_counter *fail;

	return bc_sock_sync(rec, &rec->wmem, BC_OTHERSOCKBUF, want, BC_HARD, &fail) ||
	       (recount && bc_sock_may_recount(bc_counter_pool(fail, BC_OTHERSOCKBUF), rec) &&
		bc_sock_sync(rec, &rec->wmem, BC_OTHERSOCKBUF, want, BC_HARD, &fail));
}

static void bc_wait_work_fn(struct work_struct *work)
{
	struct bc_section sec;
	struct bc_sock *rec, *next;
	unsigned int left = BC_WAIT_BATCH;
	LIST_HEAD(still);
	bool woken = false, again;

	bc_enter(&sec);
	spin_lock(&bc_wait_lock);
	list_for_each_entry_safe(rec, next, &bc_wait_list, wait_link) {
		struct sock *sk = (struct sock *)rec->node.key;

		if (!left--)
			break;
		if (!bc_sock_admit(rec, sk, !woken)) {
			list_move_tail(&rec->wait_link, &still);
			continue;
		}
		woken = true;
		list_del_init(&rec->wait_link);
		bc_sock_restore_sndbuf(rec, sk);
		bc_sock_wake(sk);
	}
	list_splice(&still, left == UINT_MAX ? bc_wait_list.prev : &bc_wait_list);
	again = !list_empty(&bc_wait_list);
	spin_unlock(&bc_wait_lock);
	bc_leave(&sec);
	if (again)
		queue_delayed_work(bc_wq, &bc_wait_work, BC_WAIT_TICK);
}

/**
 * bc_sock_wait_exit() - stop the worker, after every record is gone
 *
 * Context: may sleep.
 */
void bc_sock_wait_exit(void)
{
	cancel_delayed_work_sync(&bc_wait_work);
}
