// The one place that names Catch2's header, so that moving to version 3 is a change to this file alone.
#pragma once
#define CATCH_CONFIG_ENABLE_BENCHMARKING
#include <catch2/catch.hpp>
