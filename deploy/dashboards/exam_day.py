"""Exam day: is the exam that runs now safe?"""

from deploy.dashboards.panels import (
    NUMBER,
    PER_SECOND,
    RATE,
    SECONDS,
    SHARE,
    Dashboard,
    Number,
    Panel,
    Query,
    Row,
    quantile,
    quantiles,
    rate,
)

_REQUESTS = "examhall_http_request_seconds"
_SAVES = 'service="gateway", route="hot", method="PUT"'
_AT_ATTEMPTS = 'service="attempts", method="POST", status=~"2..", '
_STARTS = _AT_ATTEMPTS + 'route="/api/v1/attempts"'
_SUBMISSIONS = _AT_ATTEMPTS + 'route=~"/api/v1/attempts/[^/]+/submit"'

DASHBOARD = Dashboard(
    "exam-day",
    "Exam day",
    "Whether the exams that run now are safe: answers arrive, nobody waits, proctors see what happens.",
    (
        Row(
            "Now",
            (
                Number(
                    "Saves a second",
                    rate(f"{_REQUESTS}_count", _SAVES),
                    PER_SECOND,
                    "Answers that browsers save by themselves.",
                ),
                Number(
                    "Saves that failed",
                    f'(sum(increase({_REQUESTS}_count{{{_SAVES}, status=~"5.."}}[5m])) or vector(0))',
                    NUMBER,
                    "In five minutes. Browsers keep what was not acknowledged and send it again.",
                    limit=1,
                    decimals=0,
                ),
                Number(
                    "Saves, 99 % within",
                    quantile(0.99, _REQUESTS, _SAVES),
                    SECONDS,
                    "Promised: 0.3 s.",
                    limit=0.3,
                ),
                Number(
                    "Attempts running",
                    'max(examhall_attempts{status="running"})',
                    NUMBER,
                    "Students who write now.",
                ),
                Number(
                    "Deadlines in 5 minutes",
                    'max(examhall_deadlines_due{within="300"})',
                    NUMBER,
                    "So many attempts end by the clock then.",
                ),
                Number(
                    "Waiting to be marked",
                    "max(examhall_grading_waiting)",
                    NUMBER,
                    "Submitted, and not marked by rule yet.",
                ),
                Number(
                    "Signed in",
                    "max(examhall_sessions)",
                    NUMBER,
                    "Sessions that have not ended.",
                ),
                Number(
                    "Accounts locked",
                    "max(examhall_accounts_locked)",
                    NUMBER,
                    "By failed log-ins; an administrator unlocks them.",
                ),
                Number(
                    "Servers away",
                    "(count(examhall_dependency_up == 0) or vector(0))",
                    NUMBER,
                    "Databases, Kafka, Redis, as each process sees them.",
                    limit=1,
                ),
                Number(
                    "Open sockets",
                    "sum(examhall_sockets_open)",
                    NUMBER,
                    "Students' and proctors' pages that are told what happens.",
                ),
                Number(
                    "Alerts in 5 minutes",
                    "(sum(increase(examhall_alerts_total[5m])) or vector(0))",
                    NUMBER,
                    "Told to proctors, of all exams.",
                    decimals=0,
                ),
                Number(
                    "Processes away",
                    '(count(up{job="examhall"} == 0) or vector(0))',
                    NUMBER,
                    "Replicas that do not answer.",
                    limit=1,
                ),
            ),
        ),
        Row(
            "Writing",
            (
                Panel(
                    "Saves",
                    [Query(rate(f"{_REQUESTS}_count", _SAVES, "status"), "{{status}}")],
                    PER_SECOND,
                    "By status. 4xx are refused with a reason (too late, paused); 5xx are sent again.",
                    is_stacked=True,
                ),
                Panel(
                    "Saves: time to answer",
                    quantiles(_REQUESTS, _SAVES),
                    SECONDS,
                    "At the gateway, from request to reply; the answer is in the database by then.",
                    limit=0.3,
                ),
                Panel(
                    "Starts and submissions",
                    [
                        Query(rate(f"{_REQUESTS}_count", _STARTS), "starts"),
                        Query(rate(f"{_REQUESTS}_count", _SUBMISSIONS), "submissions"),
                    ],
                    PER_SECOND,
                    "By students. What the clock submits is not a request: see lifecycle events below.",
                ),
                Panel(
                    "Attempts and deadlines",
                    [
                        Query("max by (status) (examhall_attempts)", "{{status}}"),
                        Query("max by (within) (examhall_deadlines_due)", "end within {{within}} s"),
                    ],
                    NUMBER,
                    "The wave that comes at a deadline, a quarter of an hour ahead.",
                ),
                Panel(
                    "Submissions, by reason",
                    [Query(rate("examhall_attempts_submitted_total", "", "reason"), "{{reason}}")],
                    PER_SECOND,
                    "By the student, the clock, staff, or too many violations.",
                    is_stacked=True,
                ),
                Panel(
                    "Marking",
                    [Query("max(examhall_grading_waiting)", "attempts")],
                    NUMBER,
                    "Falls by itself after a wave of submissions.",
                ),
                Panel(
                    "Signing in",
                    [
                        Query(
                            rate(f"{_REQUESTS}_count", 'service="gateway", route="/api/v1/auth"', "status"),
                            "{{status}}",
                        ),
                    ],
                    PER_SECOND,
                    "401 and 429 at the start of an exam: wrong passwords, or all clients are one address.",
                    is_stacked=True,
                ),
                Panel(
                    "Signing in: time to answer",
                    quantiles(_REQUESTS, 'service="gateway", route="/api/v1/auth"'),
                    SECONDS,
                    "A password costs about 20 ms of a core of identity.",
                    limit=1,
                ),
            ),
        ),
        Row(
            "Everything else",
            (
                Panel(
                    "Requests that fail",
                    [
                        Query(
                            f'sum by (service) (rate({_REQUESTS}_count{{status=~"5.."}}[{RATE}]))'
                            f" / sum by (service) (rate({_REQUESTS}_count[{RATE}]))"
                            f" or 0 * sum by (service) (rate({_REQUESTS}_count[{RATE}]))",
                            "{{service}}",
                        )
                    ],
                    SHARE,
                    "An alert fires above 5 %.",
                    limit=0.05,
                ),
                Panel(
                    "Events: time to be taken in, 95 %",
                    [Query(quantile(0.95, "examhall_event_lag_seconds", "", "service"), "{{service}}")],
                    SECONDS,
                    "From commit to effect. Marks, figures and alerts are as late as this.",
                    limit=60,
                ),
                Panel(
                    "Live: from Kafka to sockets",
                    quantiles("examhall_live_push_seconds"),
                    SECONDS,
                    "What proctors and students are shown.",
                    limit=2,
                ),
            ),
        ),
    ),
    since="now-1h",
)
