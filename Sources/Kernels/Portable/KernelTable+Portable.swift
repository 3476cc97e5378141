extension KernelTable {
  /// The reference: plain Swift for any processor.
  public static let portable = KernelTable(
    instructionSet: .portable,
    packedKernel: PortableMatrix.kernel,
    quantizeActivations: PortableActivations.quantize,
    multiplyFloats: PortableVectors.multiplyFloats,
    widen: PortableVectors.widen,
    rmsNorm: PortableVectors.rmsNorm,
    layerNorm: PortableVectors.layerNorm,
    rotate: PortableVectors.rotate,
    gate: PortableVectors.gate,
    activate: PortableVectors.activate,
    addScaled: PortableVectors.addScaled,
    indexOfMaximum: PortableVectors.indexOfMaximum,
    appendKeyValue: PortableKVPages.append,
    attendPage: PortableAttention.attend,
    mergePages: PortableAttention.merge,
    finishAttention: PortableAttention.finish)
}
