"""From a configuration and a few facts to what a run does. Pure: nothing here talks to a warehouse."""
