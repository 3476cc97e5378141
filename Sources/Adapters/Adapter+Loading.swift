import KingletErrors
import KingletTransformer

extension Decoder {
  /// Makes an adapter ready for this decoder, whose weights stay as they are. Let go of, it is unloaded.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor and both sides, for an adapter of another base.
  public func load(_ adapter: Adapter) throws(KingletError) -> LoadedAdapter {
    try adapter.check(architecture: description.architecture)
    do throws(KingletError) {
      return try self.adapter(adapter.updates(ofTied: isTied), invocation: adapter.invocation)
    } catch {
      throw error.located(in: adapter.path)
    }
  }
}

extension Encoder {
  /// Makes an adapter ready for this encoder, whose weights stay as they are. Let go of, it is unloaded.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor and both sides, for an adapter of another base; `.unsupported` for
  ///   one that is switched on by tokens.
  public func load(_ adapter: Adapter) throws(KingletError) -> LoadedAdapter {
    try adapter.check(architecture: description.architecture)
    guard adapter.invocation.isEmpty else {
      throw KingletError(.unsupported, "an adapter that is switched on by tokens is not for encoders", at: adapter.path)
    }
    do throws(KingletError) { return try self.adapter(adapter.updates) } catch {
      throw error.located(in: adapter.path)
    }
  }
}
