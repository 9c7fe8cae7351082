"""What the stream can and can't be told by environment."""

import pytest

from chassis.settings import UnknownSetting, refuse_unknown_variables, variables_of
from services.proctoring.stream.settings import StreamSettings


def test_where_a_worker_holds_its_tables_is_no_setting() -> None:
    with pytest.raises(UnknownSetting, match="EXAMHALL_STREAM_STORE"):
        refuse_unknown_variables(variables_of(StreamSettings), {"EXAMHALL_STREAM_STORE": "rocksdb://?driver=rocksdict"})
