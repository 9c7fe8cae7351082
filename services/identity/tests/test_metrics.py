"""What identity tells of its tables at /metrics."""

from services.identity.tests.builders import School


async def test_open_sessions_and_locked_accounts_are_told(school: School) -> None:
    attacked, careless = await school.person(), await school.person()
    await school.service.count_now()
    assert await school.service.metric("examhall_sessions") == 0
    for person, failures in ((attacked, 6), (careless, 4)):
        for _ in range(failures):
            await school.log_in(person, "wrong password")
    for _ in range(6):
        await school.http.post("/api/v1/auth/login", json={"login": "nobody@example.org", "password": "x"})
    client = await school.as_(careless)
    await school.log_in(careless)

    await school.service.count_now()
    assert await school.service.metric("examhall_sessions") == 2
    assert await school.service.metric("examhall_accounts_locked") == 1

    await client.post("/api/v1/auth/logout")
    admin = await school.as_(await school.person("admin"))
    await admin.post(f"/api/v1/users/{attacked.id}/unlock")
    await school.service.count_now()
    assert await school.service.metric("examhall_sessions") == 2
    assert await school.service.metric("examhall_accounts_locked") == 0


async def test_a_lock_that_has_ended_is_not_counted(school: School) -> None:
    attacked = await school.person()
    for _ in range(5):
        await school.log_in(attacked, "wrong password")
    await school.service.database.pool.execute("UPDATE login_attempts SET at = at - interval '15 minutes'")
    await school.service.count_now()
    assert await school.service.metric("examhall_accounts_locked") == 0
