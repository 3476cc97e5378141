// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who depends on Kinglet builds it:
//
//   swift run --package-path Benchmarks -c release kernels --help
//
// `peers`, beside it, runs other engines on the same files; `vectors` other searches on the same vectors, beside `scan`.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "kinglet", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
  ],
  targets: [
    .executableTarget(
      name: "kernels",
      dependencies: [
        .product(name: "KingletTensors", package: "kinglet"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "scan", dependencies: [.product(name: "KingletRetrieval", package: "kinglet")]),
  ],
  swiftLanguageModes: [.v6]
)
