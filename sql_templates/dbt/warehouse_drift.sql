{#- What the tests no_drift_alerts and drift_within share. -#}

{% macro warehouse_drift_view(model, name) -%}
    {#- The view that a test reads: the tested relation if it is one of the drift views, else the view `name`. -#}
    {%- set found = namespace(view=source('drift', name)) -%}
    {%- for known in (source('drift', 'drift_alerts'), source('drift', 'drift_latest'), source('drift', 'drift_history')) -%}
        {%- if (known | string) in (model | string) -%}
            {%- set found.view = model -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found.view) }}
{%- endmacro %}

{% macro warehouse_drift_text(value) -%}
    {%- if value is none -%} null {%- else -%} '{{ value | string | replace("'", "''") }}' {%- endif -%}
{%- endmacro %}

{% macro warehouse_drift_only(table, wanted) -%}
    {%- for name, value in wanted.items() if value is not none %}
        and {{ table }}.{{ name }} = {{ warehouse_drift_text(value) }}
    {%- endfor %}
{%- endmacro %}

{% macro warehouse_drift_failures(failures) -%}
    {#- The rows that fail, and a sentence for each in the job's log. -#}
    {%- if flags.WHICH == 'build' -%}
        {%- if execute -%}
            {%- do log('Drift: not looked at in dbt build; run `warehouse-drift run`, then `dbt test --select source:drift`.', info=false) -%}
        {%- endif -%}
        select 1 as not_looked_at where 1 = 0
    {%- else -%}
        {%- if execute and flags.WHICH == 'test' -%}
            {%- for row in run_query('select * from (' ~ failures ~ ') as failures order by 1, 2, 3, 4, 6') -%}
                {%- set place = [] -%}
                {%- for name, value in (('monitor', row[0]), ('comparison', row[1]), ('column', row[2]), ('segment', row[3]), ('statistic', row[4])) if value is not none and value != 'all' -%}
                    {%- do place.append(name ~ ' ' ~ value) -%}
                {%- endfor -%}
                {%- set numbers = ', value ' ~ ('%.4g' | format(row[6])) if row[6] is not none else '' -%}
                {%- set limits = ', limit ' ~ ('%.4g' | format(row[7])) if row[7] is not none else '' -%}
                {%- set since = ', since ' ~ row[5] if row[5] is not none else '' -%}
                {%- do log('DRIFT ' ~ (place | join(', ')) ~ since ~ numbers ~ limits ~ ': ' ~ (row[8] or 'no reason was stored'), info=true) -%}
            {%- endfor -%}
        {%- endif -%}
        {{ failures }}
    {%- endif -%}
{%- endmacro %}
