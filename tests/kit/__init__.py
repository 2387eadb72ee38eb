"""What tests are made with: rows, servers, browsers, faults."""
