"""What is written into a dbt project, and what is read from one."""
