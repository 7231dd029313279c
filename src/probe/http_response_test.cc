#include "src/probe/http_response.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

// As etcd 3.4's gateway answers when it knows no leader, its trailer included.
constexpr char kInChunks[] =
    "HTTP/1.1 503 Service Unavailable\r\nTrailer: Grpc-Trailer-Content-Type\r\nTransfer-Encoding: chunked\r\n"
    "\r\n5\r\n{\"err\r\n4;x=y\r\nor\"}\r\n0\r\nGrpc-Trailer-Content-Type: application/grpc\r\n\r\n";

TEST(HttpResponse, StatusAndBody) {
  EXPECT_EQ(HttpStatus("HTTP/1.1 503 X\r\n\r\n"), 503);
  EXPECT_EQ(HttpStatus("HTTP/1.1 5"), 0);
  EXPECT_EQ(HttpStatus("SSH-2.0"), 0);
  EXPECT_EQ(HttpBody("HTTP/1.1 200 OK\r\n\r\nbody"), "body");
  EXPECT_EQ(HttpBody("HTTP/1.1 200 OK\r\n"), "");
}

TEST(HttpResponse, WholeByItsLength) {
  EXPECT_TRUE(IsWholeHttp("HTTP/1.1 200 OK\r\ncontent-LENGTH: 4\r\n\r\nbody"));
  EXPECT_FALSE(IsWholeHttp("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody"));
  EXPECT_FALSE(IsWholeHttp("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nbody"));
  EXPECT_FALSE(IsWholeHttp("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"));
  EXPECT_FALSE(IsWholeHttp("HTTP/1.1 200 OK\r\n\r\nbody"));  // with the end of the connection
}

TEST(HttpResponse, WholeByItsLastChunk) {
  const absl::string_view all = kInChunks;
  for (size_t n = 0; n < all.size(); ++n) EXPECT_FALSE(IsWholeHttp(all.substr(0, n))) << n;
  EXPECT_TRUE(IsWholeHttp(all));
  EXPECT_TRUE(IsWholeHttp("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
}

TEST(HttpResponse, ChunksAreJoined) {
  EXPECT_EQ(HttpBody(WithoutChunks(kInChunks)), "{\"error\"}");
  EXPECT_EQ(HttpStatus(WithoutChunks(kInChunks)), 503);
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(HttpBody(WithoutChunks(head + "4\r\nbo")), "bo");
  EXPECT_EQ(HttpBody(WithoutChunks(head + "zz\r\nbody")), "");
  EXPECT_EQ(HttpBody(WithoutChunks(head + "ffffffffffffffff\r\nbody")), "body");
  for (const char* as_it_is : {"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "0\r\n\r\n"}) {
    EXPECT_EQ(WithoutChunks(as_it_is), as_it_is);
  }
}

}  // namespace
}  // namespace kplan
