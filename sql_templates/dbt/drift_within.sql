{#- drift_within: fails where a statistic of the newest complete windows is over a value, has no value, or does not exist.

    Put it on a source view (drift_latest, or drift_history with a `where`) or on the model that a monitor watches. Arguments:
      statistic      psi, ks, missing_rate_change, ... (default psi)
      max_value      largest value that passes; without it the monitor's own decision counts (`alert` fails)
      min_value      smallest value that passes, for row_count
      monitor, comparison, column, segment   only these; segment is all rows unless named ('*': every segment)
      undecided      fail (default) or pass: what a statistic without a value does
      severity and where: dbt's own, under config
    In `dbt build` it looks at nothing, because results are those of the run before; `dbt test` is what counts.
-#}
{% test drift_within(model, statistic='psi', max_value=none, min_value=none, monitor=none, comparison=none, column=none, column_name=none, segment='all', undecided='fail') %}
    {%- set view = warehouse_drift_view(model, 'drift_latest') -%}
    {%- set only = {
        'statistic': statistic, 'monitor': monitor, 'comparison': comparison, 'column_name': column or column_name,
        'segment': none if segment == '*' else segment,
    } -%}
    {%- set failures -%}
        select
            history.monitor,
            history.comparison,
            history.column_name,
            history.segment,
            history.statistic,
            history.window_date as since_date,
            history.value as worst_value,
            {% if max_value is not none or min_value is not none -%}
            cast({{ max_value if max_value is not none else min_value }} as {{ dbt.type_float() }})
            {%- else -%}
            history.alert_threshold
            {%- endif %} as limit_value,
            history.reason
        from {{ view }} as history
        where (
            {%- if max_value is none and min_value is none %}
            history.decision = 'alert'
            {%- else %}
            {%- if max_value is not none %}
            history.value > {{ max_value }}
            {%- endif %}
            {%- if max_value is not none and min_value is not none %} or{% endif %}
            {%- if min_value is not none %}
            history.value < {{ min_value }}
            {%- endif %}
            {%- endif %}
            {%- if undecided == 'fail' %}
            or history.value is null
            {%- endif %}
        )
        {{- warehouse_drift_only('history', only) }}
        union all
        select
            {{ warehouse_drift_text(monitor) }} as monitor, {{ warehouse_drift_text(comparison) }} as comparison,
            {{ warehouse_drift_text(column or column_name) }} as column_name, {{ warehouse_drift_text(only['segment']) }} as segment,
            {{ warehouse_drift_text(statistic) }} as statistic, cast(null as date) as since_date,
            cast(null as {{ dbt.type_float() }}) as worst_value, cast(null as {{ dbt.type_float() }}) as limit_value,
            'there is no such result: are the names right, and has warehouse-drift run been called?' as reason
        from (
            select count(*) as n
            from {{ view }} as history
            where 1 = 1
            {{- warehouse_drift_only('history', only) }}
        ) as known
        where known.n = 0
    {%- endset -%}
    {{ warehouse_drift_failures(failures) }}
{% endtest %}
