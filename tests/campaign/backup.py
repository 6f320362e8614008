# SPDX-License-Identifier: PostgreSQL
"""Base backups of a primary under load: started as they are, and taken to a named restore point."""
import os
import shutil
import time
from pathlib import Path

from ledger import Ledger
from server import wait_until


def start_backup(campaign):
    """What a backup holds is some moment while it was taken: its indexes must agree with its own tables."""
    folder = f'{campaign.options.state}/backup'
    campaign.load(0)
    campaign.pair.primary.base_backup(folder)
    campaign.rest()
    try_out(campaign, campaign.pair.primary.restored(folder, campaign.options.port + 2), Ledger(os.devnull))
    campaign.report.count('backups started')


def recover_to_point(campaign):
    """Load, a backup, load, the point, load: the recovered server has what was acknowledged at the point."""
    primary = campaign.pair.primary
    folder, archive = (Path(campaign.options.state) / name for name in ('backup', 'archive'))
    shutil.rmtree(archive, ignore_errors=True)
    archive.mkdir()
    primary.reload(archive_command=f'cp %p {archive}/%f')
    campaign.load(0)
    wait_until(lambda: primary.sql('SELECT pg_switch_wal()') and any(archive.iterdir()), 'nothing is archived')
    primary.base_backup(folder, '--wal-method=none')
    time.sleep(campaign.options.cycle_seconds / 10)
    campaign.rest()
    known = campaign.ledger.copy()
    primary.sql("SELECT pg_create_restore_point('known')")
    campaign.load(campaign.options.cycle_seconds / 10)
    campaign.rest()
    [(last,)] = primary.sql('SELECT pg_walfile_name(pg_switch_wal())')
    wait_until((archive / last).exists, f'{last} is not archived')
    primary.reload(archive_command='true')
    server = primary.restored(folder, campaign.options.port + 2, {
        'restore_command': f'cp {archive}/%f %p', 'recovery_target_name': 'known',
        'recovery_target_action': 'promote', 'archive_command': 'true'}, 'recovery.signal')
    try_out(campaign, server, known)
    shutil.rmtree(archive)
    campaign.report.count('recoveries to a restore point')


def try_out(campaign, server, ledger):
    try:
        server.start()
        wait_until(lambda: not server.sql('SELECT pg_is_in_recovery()')[0][0], 'recovery does not end')
        campaign.verify(server, ledger, promoted=True)
    finally:
        server.close()
    if not campaign.report.problems:
        shutil.rmtree(server.folder)
