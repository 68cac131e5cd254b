import os
import signal
import threading

import pytest

from vaecli.core.signals import STOPPING, handled, signal_name


@pytest.mark.parametrize("number", STOPPING)
def test_every_signal_that_asks_to_stop_reaches_the_handler(number):
    before, received = signal.getsignal(number), []
    with handled(lambda n, frame: received.append(n)):
        os.kill(os.getpid(), number)
    assert received == [number]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_what_nohup_or_a_scheduler_ignores_stays_ignored(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with handled(lambda n, frame: pytest.fail("it was to be ignored")):
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)


def test_another_thread_leaves_signals_to_the_main_one():
    before, inside = [signal.getsignal(n) for n in STOPPING], []

    def work():
        with handled(lambda n, frame: None):
            inside.extend(signal.getsignal(n) for n in STOPPING)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == before


def test_a_signal_has_a_name():
    assert [signal_name(n) for n in (9, 15, 250)] == ["SIGKILL", "SIGTERM", "signal 250"]
