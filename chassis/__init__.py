"""What every Examhall service needs and nothing of the domain: the microservice chassis.

Settings, database sessions, outbox and inbox, the Kafka relay and consumer loop with dead letters, gRPC in and out,
token checks, problems, paging, idempotency, logs, traces, metrics, health, start-up and shutdown.
"""
