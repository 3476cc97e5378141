import KingletErrors
// PLACEHOLDER
public final class GGUFFile: Sendable { public let path: String = "" ; init() {} }
