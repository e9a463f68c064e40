"""The console commands: parse, call one library function, print."""
