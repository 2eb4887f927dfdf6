#include "streams/dectris/announced_scan.hpp"

#include "tests/catch.hpp"

using namespace bragglive;
using namespace bragglive::dectris;

TEST_CASE("a DECTRIS series may say its scan's shape") {
  const auto shape = [](std::map<std::string, std::string> metadata) {
    const auto scan = announced_scan(metadata);
    return scan ? scan->scan : ScanShape{};
  };
  CHECK(shape({{"user_data.NumPixelsY", "4"}, {"user_data.NumPixelsX", "6"}}) == ScanShape{4, 6});
  CHECK(shape({{"user_data.scan_rows", "4"}, {"user_data.scan_cols", "6"}}) == ScanShape{4, 6});
  CHECK(shape({{"user_data.scan_shape", "[4,6]"}}) == ScanShape{4, 6});
  CHECK(shape({{"user_data", R"({"NumPixelsY": 4, "NumPixelsX": 6})"}}) == ScanShape{4, 6});
  CHECK(shape({{"header_appendix", R"({"scan_shape": [4, 6]})"}}) == ScanShape{4, 6});
  CHECK(announced_scan({{"header_appendix", R"({"NumPixelsY": 4, "NumPixelsX": 6, "NumPixelsPrescan": 3})"}})
            ->prescan == 3);
  for (const char* text : {"", "my appendix", "[4, 6]", "{\"scan_shape\": 4}", "{\"scan_shape\": [4]}",
                           "{\"scan_shape\": \"[,]\"}", "{\"scan_rows\": -4, \"scan_cols\": 6}",
                           "{\"scan_rows\": 4000000000, \"scan_cols\": 4000000000}", "{\"NumPixelsY\": 4}"}) {
    CAPTURE(text);
    CHECK_FALSE(announced_scan({{"header_appendix", text}}));
  }
}

TEST_CASE("frames that are no positions are at the beginning or on each line, or the numbers do not agree") {
  const AnnouncedScan scan{{4, 6}, 3};
  CHECK(path_of(scan, 27)->lead_in == 3);
  CHECK(path_of(scan, 36)->fly_back == 3);
  CHECK_FALSE(path_of(scan, 24));
  CHECK(path_of({{4, 6}, 0}, 24)->plain());
}
