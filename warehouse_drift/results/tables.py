"""The tables of the result schema: names, types and meanings, the one definition that everything else is checked against.

The migrations (``sql_templates/results/NNNN_*.toml``) make them; a test adds the migrations up and compares. Readers
use the views (``results.views``), never the tables: these also hold rows of runs that were killed or replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

WHOLE_BASELINE = datetime(1900, 1, 1)
"""``bucket_start`` of a unit that holds the sum of a whole baseline, for baselines that are not divided by time."""


@dataclass(frozen=True, slots=True)
class Column:
    """``kind`` is a name of a dialect's ``[types]``; ``required`` columns are NOT NULL."""

    name: str
    kind: str
    required: bool
    doc: str


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    doc: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)


def _table(name: str, doc: str, listed: str) -> Table:
    """A table from lines of ``name kind meaning``; a kind that ends with ``!`` is required."""
    split = [line.split(None, 2) for line in listed.strip().splitlines()]
    return Table(name, doc, tuple(Column(n, kind.rstrip("!"), kind.endswith("!"), words) for n, kind, words in split))


TABLES: tuple[Table, ...] = (
    _table(
        "wd_migrations",
        "Versions of this schema, newest last.",
        """
        version            bigint!    number of the migration
        name               text!      its name
        applied_at         timestamp! when it was applied (UTC)
        """,
    ),
    _table(
        "wd_run_events",
        "What happened to a run: one row an event.",
        """
        run_id             text!      the run that wrote the row
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        event              text!      started, heartbeat, finished, failed, abandoned, or repaired (what an abandoned run had shown was made again)
        event_at           timestamp! when (UTC, the warehouse's clock)
        units_profiled     bigint     units that the run profiled (finished, failed)
        rows_scanned       bigint     rows of the source that were scanned (finished, failed)
        decided            bigint     decisions that were taken (finished)
        undecided          bigint     decisions 'none', each with a reason (finished)
        versions           text       versions of the package, the engine and the dialect (JSON)
        detail             text       the error of a failed run; statements that were sent again; of an abandoned run, the time that it had shown (JSON)
        """,
    ),
    _table(
        "wd_baselines",
        "Baselines that have been measured. The oldest row of a version counts.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        baseline_version   text!      hash of the reference's relation, filter and range, and its refresh counter
        baseline_counter   bigint!    raised by 'baseline refresh'
        definition_hash    text!      hash of relation, filter and range, without the counter
        reference_start    timestamp  start of the reference (UTC); NULL without a range
        reference_end      timestamp  end of the reference (UTC, exclusive); NULL without a range
        row_count          bigint     rows of the reference
        spec               text       relation, filter and range (JSON)
        run_id             text!      the run that wrote the row
        created_at         timestamp! when it was measured (UTC)
        """,
    ),
    _table(
        "wd_grids",
        "The cells of a column, written after its bins. The oldest row of (baseline_version, column_name) counts.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        baseline_version   text!      hash of the reference's relation, filter and range, and its refresh counter
        column_name        text!      column; ':table' for the row of the whole table
        grid_id            text!      hash of all that decides what a cell means; '' where there is no grid
        column_kind        text!      numeric, categorical, boolean, datetime or text
        role               text!      feature, prediction, score, label, identifier, segment or timestamp
        data_type          text       type of the column when the grid was made
        cell_count         bigint     number of cells
        status             text!      ok, or why the column has no usable grid
        spec               text       edges, pieces and atoms, or the vocabulary (JSON)
        run_id             text!      the run that wrote the row
        created_at         timestamp! when it was made (UTC)
        """,
    ),
    _table(
        "wd_grid_bins",
        "The bins of a grid: runs of cells.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        baseline_version   text!      hash of the reference's relation, filter and range, and its refresh counter
        column_name        text!      column; ':table' for the row of the whole table
        grid_id            text!      hash of all that decides what a cell means; '' where there is no grid
        bin_index          bigint!    order of the bin, from 0
        bin_label          text!      the bin for people
        bin_lower          double     lower edge (inclusive); NULL without one
        bin_upper          double     upper edge (exclusive); NULL without one
        cell_from          bigint     first cell
        cell_to            bigint     last cell
        cell_key           text       the value, for bins of one value
        run_id             text!      the run that wrote the row
        """,
    ),
    _table(
        "wd_cells",
        "Additive facts per cell. Only occupied cells are stored.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        baseline_version   text!      hash of the reference's relation, filter and range, and its refresh counter
        column_name        text!      column; ':table' for the row of the whole table
        grid_id            text!      hash of all that decides what a cell means; '' where there is no grid
        segment_key        text!      '' for all rows, else the segment column
        segment_kind       text!      all, value, null, other or unseen
        segment_value      text!      the segment's value; '' unless segment_kind is value
        bucket_start       timestamp! start of the bucket (UTC)
        cell_kind          text!      value, null, nan, pos_inf, neg_inf, below, above, other or unseen
        cell_index         bigint!    number of the cell; rises with the value on a numeric grid
        cell_key           text!      the value of a categorical cell; '' otherwise
        cell_label         text       the value for people, where privacy allows
        cell_left          double     what s and q are taken from: the grid's origin, or the left edge of the cell's piece
        n                  bigint!    rows
        s                  double     sum of (value - cell_left)
        q                  double     sum of squares of the same
        min_value          double     smallest value
        max_value          double     largest value
        run_id             text!      the run that wrote the row
        """,
    ),
    _table(
        "wd_profiles",
        "Facts per (unit, segment value): one row a column, ':table' for the rows as a whole.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        baseline_version   text!      hash of the reference's relation, filter and range, and its refresh counter
        column_name        text!      column; ':table' for the row of the whole table
        column_kind        text!      numeric, categorical, boolean, datetime, text or table
        grid_id            text!      hash of all that decides what a cell means; '' where there is no grid
        segment_key        text!      '' for all rows, else the segment column
        segment_kind       text!      all, value, null, other or unseen
        segment_value      text!      the segment's value; '' unless segment_kind is value
        bucket_start       timestamp! start of the bucket (UTC)
        row_count          bigint!    rows
        null_count         bigint     rows without a value
        nan_count          bigint     rows with NaN
        zero_count         bigint     rows with zero
        distinct_count     bigint     distinct values; NULL where a cell holds several, as on most continuous columns: counting those takes a sort of the rows
        total              double     sum of the finite values
        mean               double     mean of the finite values
        stddev             double     sample standard deviation of the finite values
        min_value          double     smallest finite value
        max_value          double     largest finite value
        p05                double     5 % quantile, to the width of a cell
        p25                double     25 % quantile, to the width of a cell
        p50                double     50 % quantile, to the width of a cell
        p75                double     75 % quantile, to the width of a cell
        p95                double     95 % quantile, to the width of a cell
        top_values         text       most frequent values with their counts (JSON), where privacy allows
        run_id             text!      the run that wrote the row
        """,
    ),
    _table(
        "wd_units",
        "The publish record: what it names is visible. One row per unit, also for an empty bucket, written last.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        baseline_version   text!      hash of the reference's relation, filter and range, and its refresh counter
        column_name        text!      column; ':table' for the row of the whole table
        grid_id            text!      hash of all that decides what a cell means; '' where there is no grid
        segment_key        text!      '' for all rows, else the segment column
        bucket_start       timestamp! start of the bucket (UTC)
        bucket_end         timestamp! end of the bucket (UTC, exclusive)
        window_date        date!      local date on which the bucket starts
        rows_scanned       bigint!    rows of the bucket that were read
        scan_started_at    timestamp! when the scan began (UTC, the warehouse's clock); the newest wins
        run_id             text!      the run that wrote the row
        """,
    ),
    _table(
        "wd_results",
        "Statistics with their decisions, as drift_history shows them, and what it takes to decide again.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        comparison         text!      name of the comparison
        comparison_kind    text!      what the window is compared with: baseline or previous
        window_start       timestamp! start of the window (UTC)
        window_end         timestamp! end of the window (UTC, exclusive)
        window_date        date!      local date on which the window starts; the partition key
        time_zone          text!      zone of the monitor's buckets
        granularity        text!      hour, day, week or month
        is_complete        boolean!   true: a window is decided once all its buckets have ended and are profiled; false in a record that takes it back
        reference_start    timestamp  start of the reference (UTC)
        reference_end      timestamp  end of the reference (UTC, exclusive)
        baseline_version   text!      version of the baseline
        grid_id            text!      grid of the column; '' where there is none
        segment            text!      'all', 'country=DE', 'country=<null>'
        segment_column     text       column of the segment; NULL for all rows
        segment_value      text       value of the segment; NULL for all rows and for the segment of missing values
        segment_kind       text!      all, value, null, other or unseen
        column_name        text!      column; ':table' for table rows
        column_kind        text!      numeric, categorical, boolean, datetime, text or table
        role               text!      what the column is to a model
        owner              text!      owner of the monitor; '' if none is named
        statistic          text!      name of the statistic
        value              double     the statistic; NULL when it could not be computed (reason_code says why)
        value_lower        double     lower end of the certified interval; equal to value when exact
        value_upper        double     upper end of the certified interval; equal to value when exact
        precision          text!      exact or certified
        test_value         double     test statistic, or hits in the current window for rates
        test_df            double     degrees of freedom, or hits in the reference for rates
        expected           double     what the statistic is expected to be without drift
        bins               bigint     number of bins behind a binned statistic
        p_value            double     p-value of the statistic's test
        p_value_adjusted   double     p-value after the adjustment for many tests
        n_reference        bigint     rows in the reference, by this statistic's denominator
        n_current          bigint     rows in the window, by this statistic's denominator
        warn_threshold     double     warning from here on
        alert_threshold    double     alert from here on
        threshold_source   text!      where the limits come from
        decision           text!      ok, warn, alert, none or not_judged
        raw_decision       text!      the verdict of this window alone, before the k-of-n rule
        severity           bigint     0 ok, 1 warn, 2 alert; NULL for none and not_judged
        reason_code        text       why there is no decision
        reason             text!      one sentence
        run_id             text!      the run that wrote the row
        decided_at         timestamp! when it was decided (UTC)
        config_hash        text!      hash of everything in the configuration that decides
        row_key            text!      hash of the row's grain
        """,
    ),
    _table(
        "wd_windows",
        "The publish record of a decided window, written last; the newest decided_at wins.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        comparison         text!      name of the comparison
        window_start       timestamp! start of the window (UTC)
        window_end         timestamp! end of the window (UTC, exclusive)
        window_date        date!      local date on which the window starts; the partition key
        baseline_version   text!      version of the baseline
        is_complete        boolean!   true: a window is decided once all its buckets have ended and are profiled; false in a record that takes it back
        run_id             text!      the run that wrote the row
        decided_at         timestamp! when it was decided (UTC)
        config_hash        text!      hash of everything in the configuration that decides
        state              text!      decided, or withdrawn when the window is no longer shown
        """,
    ),
    _table(
        "wd_bins",
        "The bins behind psi, per decided window.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        comparison         text!      name of the comparison
        window_start       timestamp! start of the window (UTC)
        window_end         timestamp! end of the window (UTC, exclusive)
        window_date        date!      local date on which the window starts; the partition key
        baseline_version   text!      version of the baseline
        segment            text!      'all', 'country=DE', 'country=<null>'
        column_name        text!      column
        bin_index          bigint!    order of the bin, from 0
        bin_label          text!      the bin for people
        bin_lower          double     lower edge (inclusive); NULL without one
        bin_upper          double     upper edge (exclusive); NULL without one
        count_reference    bigint     rows of the reference in the bin
        count_current      bigint     rows of the window in the bin
        share_reference    double     share of the reference in the bin
        share_current      double     share of the window in the bin
        contribution       double     what the bin adds to psi
        run_id             text!      the run that wrote the row
        """,
    ),
    _table(
        "wd_noise",
        "Largest value of a statistic among the baseline's own windows. Visible once its closing row (segment '') exists.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        comparison         text!      name of the comparison
        baseline_version   text!      version of the baseline
        segment            text!      'all', 'country=DE'; '' in the closing row of a run
        column_name        text!      column; '' in the closing row
        statistic          text!      name of the statistic; '' in the closing row
        windows            bigint!    number of baseline windows; of rows, in the closing row
        max_value          double     largest value among them
        run_id             text!      the run that wrote the row
        created_at         timestamp! when it was measured (UTC)
        basis              text       hash of what it was computed from: length and reference of the windows, the windows, statistics
        """,
    ),
    _table(
        "wd_alert_log",
        "What was sent of incidents: one row a message and an incident in it.",
        """
        project            text!      project of the configuration
        monitor            text!      name of the monitor
        comparison         text!      name of the comparison
        sender             text!      name of the sender; of a hook, 'on_alert'
        thread_id          text!      oldest incident of the messages that belong together; key of services that keep incidents
        incident_id        text!      the incident
        event              text!      opened, updated or resolved
        state              text!      sent or failed; what failed is due again at the next run
        times_beyond       double     peak in units of its alert limit, as it was told
        error              text       why it failed, without addresses
        run_id             text!      the run that sent it
        sent_at            timestamp! when (UTC, the warehouse's clock)
        """,
    ),
    _table(
        "wd_alert_actions",
        "What people said about incidents; per incident and action the newest row counts.",
        """
        project            text!      project of the configuration
        incident_id        text!      the incident
        action             text!      ack or mute
        until_at           timestamp  end of a mute (UTC)
        why                text!      their words; '' without any
        said_by            text!      name of the user on the machine that it was said on
        said_at            timestamp! when (UTC, the warehouse's clock)
        """,
    ),
)

BY_NAME = {t.name: t for t in TABLES}

_INTERNAL = frozenset(("segment_kind", "test_value", "test_df", "expected", "bins", "raw_decision"))
COLUMNS: tuple[tuple[str, str, str], ...] = tuple(
    (c.name, c.kind, c.doc) for c in BY_NAME["wd_results"].columns if c.name not in _INTERNAL
)
"""(name, kind, meaning) of ``drift_history``: the results without what only a new decision needs."""
