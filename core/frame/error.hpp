// Expected failures are values: what was wrong, where, and what to do about it.
#pragma once
#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace bragglive {

// One area each; the numbers inside an area start at 1 so that 0 can never mean an error by accident.
enum class ErrorArea { usage = 1, file, format, shape, connection, memory, numeric };

struct Error {
  ErrorArea area = ErrorArea::usage;
  std::string message;  // one line, for a person: what, where, what to do
};

template <class T>
using Expected = tl::expected<T, Error>;

// Returns a value that converts to any Expected<T>.
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorArea area, fmt::format_string<Args...> text, Args&&... args) {
  return tl::unexpected<Error>(Error{area, fmt::format(text, std::forward<Args>(args)...)});
}

}  // namespace bragglive
