"""What identity can be told by environment."""

from pydantic import Field, SecretStr

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Identity's settings; the defaults are the documented behaviour."""

    access_token_minutes: int = Field(15, ge=1, le=60, description="lifetime of an access token")
    session_idle_days: int = Field(7, ge=1, description="a session not refreshed for so long ends")
    session_days: int = Field(30, ge=1, description="a session ends after so long, however it is used")
    signing_key_days: int = Field(30, ge=1, description="how long a key signs before the next one takes over")
    lock_failures: int = Field(5, ge=1, description="failed log-ins that lock an account")
    lock_minutes: int = Field(15, ge=1, description="the time in which failures count, and for which they lock")
    address_failures: int = Field(
        100,
        ge=1,
        description="failed log-ins from one address that lock it; high, since a school sits behind one address",
    )
    reset_code_minutes: int = Field(15, ge=1, description="lifetime of a reset code and of a reset token")
    reset_code_tries: int = Field(5, ge=1, description="wrong tries that end a reset code")
    reset_code_requests: int = Field(5, ge=1, description="reset codes an account may ask for in an hour")
    self_registration: bool = Field(True, description="whether students may register themselves")
    admin_email: str = Field(
        "", description="with EXAMHALL_ADMIN_PASSWORD: the first administrator, made when there is none"
    )
    admin_password: SecretStr = Field(SecretStr(""), description="password of the first administrator")
    smtp_host: str = Field("", description="mail server; empty: mail is written to <data>/mail")
    smtp_port: int = Field(587, description="port of the mail server")
    smtp_user: str = Field("", description="user at the mail server; empty: no log-in")
    smtp_password: SecretStr = Field(SecretStr(""), description="password at the mail server")
    smtp_start_tls: bool = Field(True, description="whether to demand STARTTLS")
    mail_from: str = Field("examhall@localhost", description="sender of mail")
