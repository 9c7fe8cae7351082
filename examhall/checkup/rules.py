"""From what was measured to a finding. The bounds are ours unless a source is named."""

from datetime import timedelta

from examhall.checkup.findings import Finding, fine, watch, wrong

# Document A, monitoring: an alert from 90 % of a disk on.
DISK_WRONG, DISK_WATCH = 0.90, 0.80
# Deadlines are decided by PostgreSQL's clock and tokens by each service's: a second apart is still nobody's loss, half a minute ends sessions early.
SKEW_WATCH, SKEW_WRONG = timedelta(seconds=1), timedelta(seconds=30)
# The relay publishes within a tenth of a second; what waits for minutes waits for something.
WAITING_WATCH, WAITING_WRONG = timedelta(seconds=30), timedelta(minutes=5)
# A lag that consumers take in within a minute or so at the slowest rate measured (docs/benchmarks.md).
LAG_WATCH = 20_000
CERTIFICATE_WATCH, CERTIFICATE_WRONG = timedelta(days=30), timedelta(days=7)
BACKUP_WATCH, BACKUP_WRONG = timedelta(days=1, hours=12), timedelta(days=8)


def disk(about: str, used: float, free_bytes: int) -> Finding:
    """`used`: the share that is used, 0 to 1."""
    says = f"{used:.0%} used, {free_bytes / 2**30:.1f} GiB free"
    if used >= DISK_WRONG:
        return wrong(about, says, "Make room now: when the disk is full PostgreSQL takes no more answers.")
    if used >= DISK_WATCH:
        return watch(about, says, "Make room before the next exam; old backups and logs first.")
    return fine(about, says)


def clock(about: str, ahead: timedelta) -> Finding:
    """`ahead`: of this machine's clock."""
    apart = abs(ahead)
    says = f"{apart.total_seconds():.1f} s {'ahead of' if ahead > timedelta(0) else 'behind'} this machine's clock"
    advice = "Let both keep time by NTP."
    if apart >= SKEW_WRONG:
        return wrong(about, says, f"{advice} Tokens of one are refused by the other.")
    return watch(about, says, advice) if apart >= SKEW_WATCH else fine(about, "keeps the same time")


def migrations(about: str, is_at: str | None, should_be: str | None, known: set[str]) -> Finding:
    """The revision a database is at, and the newest that this program knows, of all that it knows."""
    if is_at == should_be:
        return fine(about, f"up to date ({is_at})")
    if is_at is not None and is_at not in known:
        return wrong(
            about, f"is at {is_at}, which this version does not know", "A newer version has been here: run that one."
        )
    return wrong(
        about,
        f"is at {is_at or 'nothing'}, {should_be} is wanted",
        "Run `examhall migrate` (`examhall up` does it by itself).",
    )


def outbox(about: str, count: int, oldest: timedelta | None) -> Finding:
    """Events that are recorded and not published: how many, and for how long the oldest waits."""
    if oldest is None:
        return fine(about, "everything recorded is published")
    says = f"{count} events wait, the oldest for {oldest.total_seconds():.0f} s"
    advice = "See whether Kafka answers and whether a consumer lags; nothing is lost, figures and marks come late."
    if oldest >= WAITING_WRONG:
        return wrong(about, says, advice)
    return watch(about, says, advice) if oldest >= WAITING_WATCH else fine(about, says)


def dead_letters(about: str, count: int) -> Finding:
    """Events that could not be taken in."""
    if not count:
        return fine(about, "no dead letters")
    return wrong(
        about,
        f"{count} events could not be taken in",
        "See `examhall dead-letters list`, mend the cause, then `examhall dead-letters replay`.",
    )


def idle_transactions(about: str, seconds: float | None) -> Finding:
    """How long the oldest transaction has been open; None: none is."""
    if seconds is None or seconds < 60:
        return fine(about, "no long transaction")
    return watch(
        about,
        f"a transaction has been open for {seconds:.0f} s",
        "See pg_stat_activity: who holds it holds back vacuum, and perhaps locks.",
    )


def lag(about: str, behind: int) -> Finding:
    """How many messages a consumer group has not taken in."""
    if behind < LAG_WATCH:
        return fine(about, f"{behind} messages behind" if behind else "has taken in everything")
    return watch(
        about, f"{behind} messages behind", "See whether its process runs and has CPU; it catches up by itself."
    )


def certificate(about: str, left: timedelta) -> Finding:
    """How long a certificate is still good."""
    if left <= timedelta(0):
        return wrong(about, f"ended {-left.days} days ago", "Renew it now: browsers refuse to connect.")
    says = f"good for {left.days} more days"
    if left <= CERTIFICATE_WRONG:
        return wrong(about, says, "Renew it now.")
    return (
        watch(about, says, "Renew it; see why that is not done by itself.")
        if left <= CERTIFICATE_WATCH
        else fine(about, says)
    )


def backup(about: str, age: timedelta | None) -> Finding:
    """How old the newest backup is; None: there is none."""
    if age is None:
        return watch(
            about, "there is none", "Make one: `examhall backup`, daily by cron or a timer, with a copy elsewhere."
        )
    says = f"the newest is {age.days} days and {age.seconds // 3600} hours old"
    if age >= BACKUP_WRONG:
        return wrong(about, says, "Make one now, and see why the daily one does not come.")
    return watch(about, says, "See why the daily one did not come.") if age >= BACKUP_WATCH else fine(about, says)
