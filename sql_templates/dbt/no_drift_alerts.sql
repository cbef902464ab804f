{#- no_drift_alerts: fails for every open incident of the drift monitors, and for a named monitor that has no results.

    Put it on a source view (drift_alerts) or on the model that a monitor watches. Arguments, all optional:
      monitor, comparison, column, segment   only incidents of these
      severity and where: dbt's own, under config
    In `dbt build` it looks at nothing, because results are those of the run before; `dbt test` is what counts.
-#}
{% test no_drift_alerts(model, monitor=none, comparison=none, column=none, column_name=none, segment=none) %}
    {%- set view = warehouse_drift_view(model, 'drift_alerts') -%}
    {%- set only = {'monitor': monitor, 'comparison': comparison, 'column_name': column or column_name, 'segment': segment} -%}
    {%- set failures -%}
        select
            incident.monitor,
            incident.comparison,
            incident.column_name,
            incident.segment,
            incident.statistic,
            incident.opened_date as since_date,
            incident.peak_value as worst_value,
            incident.peak_threshold as limit_value,
            incident.peak_reason as reason
        from {{ view }} as incident
        where incident.state = 'open'
        {{- warehouse_drift_only('incident', only) }}
        {%- if monitor is not none %}
        union all
        select
            {{ warehouse_drift_text(monitor) }} as monitor, null as comparison, null as column_name, null as segment, null as statistic,
            cast(null as date) as since_date, cast(null as {{ dbt.type_float() }}) as worst_value, cast(null as {{ dbt.type_float() }}) as limit_value,
            'the monitor has no results: has warehouse-drift run been called?' as reason
        from (select count(*) as n from {{ source('drift', 'monitor_status') }} where monitor = {{ warehouse_drift_text(monitor) }}) as known
        where known.n = 0
        {%- endif %}
    {%- endset -%}
    {{ warehouse_drift_failures(failures) }}
{% endtest %}
