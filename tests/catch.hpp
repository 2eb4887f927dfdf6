// The one place that names Catch2's header, so that moving to version 3 is a change to this file alone.
#pragma once
#define CATCH_CONFIG_ENABLE_BENCHMARKING
#include <catch2/catch.hpp>
#include <source_location>
#include <stdexcept>
#include <string>

namespace bragglive::test {

// An assertion for other threads than the test's own, where version 2 allows none: throws, so that get() of
// the future that std::async gave fails the test.
inline void must(bool good, const std::source_location& here = std::source_location::current()) {
  if (!good) throw std::runtime_error(here.file_name() + (':' + std::to_string(here.line())) + " is not so");
}

}  // namespace bragglive::test
