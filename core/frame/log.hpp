// Libraries report through a callback that the application injects; they never write to stdout or stderr.
#pragma once
#include <functional>
#include <string_view>

namespace bragglive {

enum class LogLevel { debug, info, warning, error };

// Called from any thread; the callee synchronises. An empty LogSink drops the text.
using LogSink = std::function<void(LogLevel, std::string_view)>;

}  // namespace bragglive
